"""The real classes of the learned models, tiny and with random weights, saved and opened again."""

import json

import numpy as np
import pytest
import torch
from material import JUDGED

from skyreels_a2.data.backends.choice import open_backends
from skyreels_a2.data.backends.features import FeatureEmbedder
from skyreels_a2.data.backends.human_parser import HumanParser
from skyreels_a2.data.backends.open_vocabulary import (
    Detection,
    OpenVocabularyDetector,
    distinct,
    meant,
)
from skyreels_a2.data.backends.sam2 import Sam2Tracker
from skyreels_a2.data.elements import dissect
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.persons import refine
from skyreels_a2.data.settings import Settings
from skyreels_a2.errors import InputError, ModelError

WORDS = ["a", "red", "car", "dog", ".", "the"]


@pytest.fixture(scope="module")
def frame():
    return np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def grounding_dino(tmp_path_factory):
    from transformers import (
        BertConfig,
        BertTokenizerFast,
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        GroundingDinoProcessor,
        SwinConfig,
    )
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import (
        GroundingDinoImageProcessorPil,
    )

    folder = tmp_path_factory.mktemp("dino")
    vocabulary = folder / "vocab.txt"
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary.write_text("\n".join([*special, *WORDS]))
    size = {"shortest_edge": 64, "longest_edge": 96}
    torch.manual_seed(0)
    network = GroundingDinoForObjectDetection(
        GroundingDinoConfig(
            backbone_config=SwinConfig(
                embed_dim=8,
                depths=[1, 1, 1, 1],
                num_heads=[1, 1, 1, 1],
                window_size=4,
                out_indices=[2, 3, 4],
            ),
            text_config=BertConfig(
                vocab_size=len(special + WORDS),
                hidden_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                intermediate_size=16,
            ),
            d_model=32,
            encoder_layers=1,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=16,
            decoder_ffn_dim=16,
            num_queries=8,
            num_feature_levels=3,
            encoder_n_points=2,
            decoder_n_points=2,
            max_text_len=32,
        )
    )
    network.save_pretrained(folder)
    GroundingDinoProcessor(
        GroundingDinoImageProcessorPil(size=size),
        BertTokenizerFast(vocab_file=str(vocabulary)),
    ).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def owlv2(tmp_path_factory):
    from transformers import (
        CLIPTokenizer,
        Owlv2Config,
        Owlv2ForObjectDetection,
        Owlv2Processor,
    )
    from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil

    folder = tmp_path_factory.mktemp("owl")
    letters = [chr(code) for code in range(97, 123)]
    tokens = [*letters, *(letter + "</w>" for letter in letters)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16
    )
    torch.manual_seed(0)
    config = Owlv2Config(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "max_position_embeddings": 16,
            "eos_token_id": tokenizer.eos_token_id,
            "bos_token_id": tokenizer.bos_token_id,
            "pad_token_id": 0,
        },
        vision_config={
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 64,
            "patch_size": 16,
        },
        projection_dim=16,
    )
    Owlv2ForObjectDetection(config).save_pretrained(folder)
    processor = Owlv2ImageProcessorPil(size={"height": 64, "width": 64})
    Owlv2Processor(processor, tokenizer).save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("kind", ["grounding_dino", "owlv2"])
def test_detectors_answer_with_the_words_that_were_asked(kind, frame, request):
    detector = OpenVocabularyDetector(request.getfixturevalue(kind), threshold=0.0)
    found = detector.detect(frame, ["Dog", "red car."])
    assert found
    assert {one.word for one in found} <= {"dog", "red car"}
    for one in found:
        left, top, right, bottom = one.box
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("kind", ["grounding_dino", "owlv2"])
def test_a_detector_that_is_unsure_finds_nothing(kind, frame, request):
    detector = OpenVocabularyDetector(request.getfixturevalue(kind), threshold=1.0)
    assert detector.detect(frame, ["dog"]) == []


def test_a_detector_needs_a_word(frame, owlv2):
    with pytest.raises(InputError, match="name at least one thing"):
        OpenVocabularyDetector(owlv2).detect(frame, [])


def test_a_missing_model_is_told_in_one_line(tmp_path):
    with pytest.raises(ModelError, match="cannot be opened as an open-vocabulary detector"):
        OpenVocabularyDetector(str(tmp_path))


def test_pieces_of_a_phrase_stand_for_it():
    assert meant("red", ["dog", "red car"]) == "red car"
    assert meant("the dog.", ["dog", "red car"]) == "dog"


def test_a_thing_that_is_found_twice_is_kept_once():
    sure = Detection("dog", 0.9, (0.1, 0.1, 0.5, 0.5))
    again = Detection("car", 0.4, (0.1, 0.1, 0.5, 0.51))
    beside = Detection("car", 0.5, (0.4, 0.1, 0.9, 0.5))
    assert distinct([again, sure, beside]) == [sure, beside]


@pytest.fixture(scope="module")
def sam2(tmp_path_factory):
    from transformers import (
        Sam2HieraDetConfig,
        Sam2VideoConfig,
        Sam2VideoModel,
        Sam2VisionConfig,
    )

    torch.manual_seed(0)
    vision = Sam2VisionConfig(
        backbone_config=Sam2HieraDetConfig(
            hidden_size=8,
            num_attention_heads=1,
            image_size=[64, 64],
            blocks_per_stage=[1, 1, 2, 1],
            embed_dim_per_stage=[8, 16, 32, 64],
            num_attention_heads_per_stage=[1, 1, 2, 4],
            window_positional_embedding_background_size=[4, 4],
            global_attention_blocks=[3],
        ),
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
        fpn_hidden_size=128,
    )
    config = Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": 128, "image_size": 64, "patch_size": 16},
        mask_decoder_config={
            "hidden_size": 128,
            "mlp_dim": 32,
            "num_attention_heads": 2,
            "iou_head_hidden_dim": 32,
        },
        image_size=64,
        memory_attention_hidden_size=128,
        memory_attention_num_layers=1,
        memory_attention_num_attention_heads=1,
        memory_attention_feed_forward_hidden_size=32,
        memory_attention_rope_feat_sizes=[4, 4],
        memory_encoder_hidden_size=128,
        memory_encoder_output_channels=64,
        mask_downsampler_embed_dim=128,
        memory_fuser_embed_dim=128,
        memory_fuser_intermediate_dim=32,
        memory_fuser_num_layers=1,
    )
    folder = tmp_path_factory.mktemp("sam2")
    Sam2VideoModel(config).save_pretrained(folder)
    return str(folder)


def test_sam2_follows_from_a_frame_in_the_middle_both_ways(sam2, frame):
    frames = [np.roll(frame, shift, axis=1) for shift in range(4)]
    boxes = [(0.1, 0.1, 0.5, 0.9), (0.5, 0.2, 0.9, 0.8)]
    masks = Sam2Tracker(sam2).track(frames, boxes, start=2)
    assert masks.shape == (2, 4, 48, 64)
    again = Sam2Tracker(sam2).track(frames, boxes, start=2)
    assert np.array_equal(masks, again)
    assert masks.any(axis=(0, 2, 3)).all(), "every frame was followed to"


def test_sam2_needs_a_box_in_a_frame_that_is_there(sam2, frame):
    with pytest.raises(InputError, match="at least one box"):
        Sam2Tracker(sam2).track([frame], [], start=0)
    with pytest.raises(InputError, match="a frame that is there"):
        Sam2Tracker(sam2).track([frame], [(0, 0, 1, 1)], start=1)


def segformer(folder, labels):
    from transformers import SegformerConfig, SegformerForSemanticSegmentation
    from transformers.models.segformer.image_processing_pil_segformer import (
        SegformerImageProcessorPil,
    )

    config = SegformerConfig(
        hidden_sizes=[8, 8, 8, 8],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 1, 1],
        decoder_hidden_size=8,
        id2label=dict(enumerate(labels)),
        label2id={label: number for number, label in enumerate(labels)},
    )
    torch.manual_seed(0)
    network = SegformerForSemanticSegmentation(config)
    with torch.no_grad():  # every pixel is of the second class
        network.decode_head.classifier.bias.copy_(torch.tensor([0.0, 1e4, 0.0]))
    network.save_pretrained(folder)
    SegformerImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return str(folder)


def test_the_parser_gives_garments_their_names_in_the_paper(tmp_path, frame):
    parser = HumanParser(segformer(tmp_path, ["Background", "Skirt", "Hat"]))
    masks = parser.parse(frame)
    assert set(masks) == {"clothes_lower"}
    assert masks["clothes_lower"].shape == (48, 64)
    assert masks["clothes_lower"].all()


@pytest.fixture(scope="module")
def dinov2(tmp_path_factory):
    from transformers import BitImageProcessorPil, Dinov2Config, Dinov2Model

    folder = tmp_path_factory.mktemp("dinov2")
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    Dinov2Model(Dinov2Config(**sizes, image_size=32, patch_size=8)).save_pretrained(folder)
    side = {"height": 32, "width": 32}
    BitImageProcessorPil(size={"shortest_edge": 32}, crop_size=side).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**sizes, **heads, "vocab_size": 64},
        vision_config={**sizes, **heads, "image_size": 32, "patch_size": 8},
        projection_dim=16,
    )
    CLIPModel(config).save_pretrained(folder)
    side = {"height": 32, "width": 32}
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=side).save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("kind", ["dinov2", "clip"])
def test_features_are_of_the_subject_alone(kind, frame, request):
    embedder = FeatureEmbedder(request.getfixturevalue(kind))
    mask = np.zeros(frame.shape[:2], bool)
    mask[8:40, 20:40] = True
    elsewhere = np.where(mask[..., None], frame, 255 - frame)
    one, same = embedder.embed(frame, mask), embedder.embed(elsewhere, mask)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(one, same, atol=1e-6)
    assert np.abs(one - embedder.embed(255 - frame, mask)).max() > 1e-3


def test_settings_open_the_learned_ones_and_garments_are_cut_out(
    grounding_dino, sam2, dinov2, frame, tmp_path
):
    (tmp_path / "parser").mkdir()
    parser = segformer(tmp_path / "parser", ["Background", "Skirt", "Hat"])
    settings = Settings().with_settings(
        [
            *("elements.segmenter=grounded", f"elements.detector={grounding_dino}"),
            *(f"elements.tracker={sam2}", "elements.words=[dog, red car]"),
            *("elements.detector_threshold=0", "elements.embedder=features"),
            *(f"elements.embedder_model={dinov2}", "elements.min_area=0", "elements.min_fill=0"),
            *("elements.max_borders=4", "elements.max_area=1", "elements.min_side=1"),
            *("elements.max_subjects=99", "elements.min_presence=0", "elements.min_rating=0"),
            *("persons.clothes=parser", f"persons.parser={parser}"),
        ]
    )
    backends = open_backends(settings)
    footage = Footage(np.stack([np.roll(frame, shift, axis=1) for shift in range(6)]), 6.0)
    shot, _ = dissect(JUDGED, footage, settings.elements, backends, tmp_path)
    kinds = {element.kind for element in shot.elements}
    assert "character" in kinds
    whole = refine(shot, footage, settings.persons, backends, tmp_path)
    garments = [element for element in whole.elements if element.kind == "clothing"]
    assert {garment.label for garment in garments} == {"clothes_lower"}
    characters = {e.element_id for e in shot.elements if e.kind == "character"}
    assert {garment.part_of for garment in garments} == characters
    assert all((tmp_path / garment.path).is_file() for garment in garments)


def test_a_parser_without_garments_is_refused(tmp_path):
    with pytest.raises(ModelError, match="none is a garment"):
        HumanParser(segformer(tmp_path, ["wall", "sky", "tree"]))


@pytest.mark.parametrize("kind", ["grounding_dino", "owlv2"])
def test_what_is_named_is_followed_through_a_shot(kind, sam2, frame, request):
    from skyreels_a2.data.backends.grounded import GroundedSegmenter

    footage = Footage(np.stack([np.roll(frame, shift, axis=1) for shift in range(6)]), 6.0)
    detector = OpenVocabularyDetector(request.getfixturevalue(kind), threshold=0.0)
    segmenter = GroundedSegmenter(detector, Sam2Tracker(sam2), words=["dog", "red car"])
    tracks = segmenter.tracks(footage)
    assert tracks
    for track in tracks:
        assert track.label in {"dog", "red car"}
        assert track.kind == ("character" if track.label == "dog" else "object")
        numbers = [sighting.frame for sighting in track.sightings]
        assert numbers == sorted(set(numbers))
        assert all(sighting.mask.shape == (48, 64) for sighting in track.sightings)
    blind = OpenVocabularyDetector(request.getfixturevalue(kind), threshold=1.0)
    assert GroundedSegmenter(blind, Sam2Tracker(sam2), words=["dog"]).tracks(footage) == []
