import shutil

import pytest

from skyreels_a2.errors import ModelError
from skyreels_a2.pipeline.folders import folder_fingerprint, model_folder


def test_the_embedded_model_is_found_by_name():
    assert (model_folder("a2-tiny") / "model_index.json").is_file()


def test_a_folder_is_itself(tmp_path):
    assert model_folder(tmp_path) == tmp_path


@pytest.mark.parametrize("name", ["a2-tny", "./nowhere", "/no/such/folder"])
def test_a_name_that_is_nothing_lists_the_embedded_models(name):
    with pytest.raises(ModelError, match="a2-tiny"):
        model_folder(name)


def test_a_file_is_no_model(tmp_path):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelError, match="is a file"):
        model_folder(tmp_path / "model.safetensors")


def test_a_hub_id_that_is_not_cached_says_so_without_network(tmp_path):
    with pytest.raises(ModelError, match="no folder here and could not be had from the hub"):
        model_folder("nobody/no-such-model", cache_dir=tmp_path, local_files_only=True)


def test_the_fingerprint_follows_the_weights_not_the_place(request, tmp_path):
    folder = request.getfixturevalue("model_folder")
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert folder_fingerprint(copy) == folder_fingerprint(folder)
    weights = copy / "transformer/diffusion_pytorch_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert folder_fingerprint(copy) != folder_fingerprint(folder)
