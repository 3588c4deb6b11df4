"""Pictures of strangers: decoded elsewhere, bounded, never by path, by URL only from outside."""

import io
import json
import socket
import threading
import zlib
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from PIL import Image
from served import png

from skyreels_a2.errors import PictureError
from skyreels_a2.serving import fetching
from skyreels_a2.serving.decoding import Decoder, DecodingLimits


@pytest.fixture(scope="module")
def decoder():
    made = Decoder(DecodingLimits(pixels=1_000_000, side=256))
    yield made
    made.close()


def bomb(width, height):
    """A PNG that says it is huge and is small."""
    data = io.BytesIO()
    Image.new("L", (16, 16)).save(data, format="PNG")
    raw = bytearray(data.getvalue())
    raw[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    raw[29:33] = zlib.crc32(bytes(raw[12:29])).to_bytes(4, "big")
    return bytes(raw)


def test_a_picture_comes_back_plain_and_upright(decoder):
    data, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # to be turned
    exif[0x9286] = "where I live"
    Image.new("RGB", (600, 300), "red").save(data, format="JPEG", exif=exif)
    picture = decoder.decode(data.getvalue(), name="photo")
    assert (picture.width, picture.height) == (300, 600)
    image = Image.open(io.BytesIO(picture.png))
    assert (image.size, image.mode, image.info, len(image.getexif())) == ((128, 256), "RGB", {}, 0)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"no picture at all", "is no picture"),
        (png()[:60], "damaged"),
        (bomb(50_000, 50_000), "pixels"),
        (bomb(1100, 1000), "at most 1,000,000 pixels"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "is no picture"),
        (png((8, 8)), "at least 16"),
    ],
)
def test_what_cannot_be_used_is_said_and_the_next_is_decoded(decoder, data, words):
    with pytest.raises(PictureError, match=words):
        decoder.decode(data, name="it")
    assert decoder.decode(png(), name="good").width == 40


def test_a_picture_that_takes_too_long_is_given_up():
    decoder = Decoder(DecodingLimits(seconds=0.0))
    with pytest.raises(PictureError, match="took longer than 0 s"):
        decoder.decode(png((2000, 2000)), name="it")
    decoder.close()


def test_a_picture_that_needs_too_much_memory_breaks_only_its_process():
    decoder = Decoder(DecodingLimits(memory=400 * 2**20))
    with pytest.raises(PictureError):
        decoder.decode(png((7000, 7000)), name="it")
    assert decoder.decode(png(), name="good").width == 40
    decoder.close()


@pytest.mark.parametrize(
    "image",
    ["/etc/passwd", "file:///etc/passwd", "../../jobs.sqlite", "0.png", "data:image/png;base64,!!"],
)
def test_no_text_of_a_client_becomes_a_path(api, image):
    asked = {"prompt": "a cup", "input_references": [{"role": "object", "image": image}]}
    answer = api.ask("POST", "/v1/videos", asked)
    assert answer.status == 422
    assert "root:" not in answer.body.decode()


@pytest.mark.parametrize("path", ["..%2f..%2fetc%2fpasswd", "%2e%2e/jobs.sqlite", "page.js%00"])
def test_no_path_leads_out_of_the_page(api, path):
    assert api.get(f"/page/{path}").status == 404
    assert api.get(f"/v1/videos/{path}/content").status == 404
    assert api.get(f"/v1/pictures/{path}/fitted?role=object").status == 404


def test_no_url_is_fetched_unless_allowed(api):
    asked = {
        "prompt": "a cup",
        "input_references": [{"role": "object", "image": "https://example.org/cup.png"}],
    }
    answer = api.ask("POST", "/v1/videos", asked)
    assert (answer.status, "fetches no URLs" in answer.body.decode()) == (422, True)


PRIVATE = [
    *("127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
    *("[::1]", "[fc00::1]", "[fe80::1]", "[::ffff:127.0.0.1]", "localhost", "2130706433", "0x7f.1"),
    *("[64:ff9b::7f00:1]", "[2002:7f00:1::]"),
]


@pytest.mark.parametrize("host", PRIVATE)
def test_no_private_address_is_fetched(host):
    with pytest.raises(PictureError, match=r"private address|is not known"):
        fetching.fetch(f"http://{host}/x.png", max_bytes=1000)


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/x", "http://example.org:22/x", "http://me@example.org/x", "http:///x"],
)
def test_only_plain_urls_are_fetched(url):
    with pytest.raises(PictureError):
        fetching.fetch(url, max_bytes=1000)


def test_a_host_with_one_private_address_among_public_ones_is_refused(monkeypatch):
    addresses = [(socket.AF_INET, 1, 6, "", (a, 80)) for a in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
    with pytest.raises(PictureError, match="private address"):
        fetching.public_address("rebinding.example", 80)


@pytest.fixture
def outside(monkeypatch):
    """A web server on loopback that counts as public."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/redirect":
                self.send_response(302)
                self.send_header("Location", "http://169.254.169.254/latest/meta-data")
                self.end_headers()
                return
            body = png() if self.path == "/cup.png" else b"x" * 5000
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setitem(fetching._PORTS, "http", server.server_port)
    real = fetching.public_address
    monkeypatch.setattr(
        fetching, "public_address", lambda h, p: "127.0.0.1" if h == "out.example" else real(h, p)
    )
    yield "http://out.example"
    server.shutdown()
    server.server_close()


def test_a_public_picture_is_fetched_and_bounded(outside):
    assert fetching.fetch(f"{outside}/cup.png", max_bytes=100_000) == png()
    with pytest.raises(PictureError, match="more than 1,000 bytes"):
        fetching.fetch(f"{outside}/large", max_bytes=1000)


def test_a_redirect_to_a_private_address_is_refused(outside):
    with pytest.raises(PictureError, match="private address"):
        fetching.fetch(f"{outside}/redirect", max_bytes=1000)


def test_an_uploaded_picture_is_shown_as_the_model_sees_it(api):
    picture = api.upload(png((90, 30))).json
    assert (picture["width"], picture["height"]) == (90, 30)
    shown = {
        role: Image.open(
            io.BytesIO(api.get(f"/v1/pictures/{picture['id']}/fitted?role={role}&size=2:1").body)
        )
        for role in ("character", "background")
    }
    assert shown["character"].getpixel((5, 5)) == (255, 255, 255)  # letter-boxed on white
    assert shown["background"].getpixel((5, 5)) != (255, 255, 255)  # cropped to fill
    assert shown["character"].width == pytest.approx(2 * shown["character"].height, rel=0.1)


def test_an_uploaded_picture_serves_many_requests(api):
    picture = api.upload(png()).json["id"]
    asked = {
        "prompt": "a cup",
        "num_frames": 5,
        "input_references": [{"role": "object", "image": [picture, picture]}],
    }
    job = api.ask("POST", "/v1/videos", asked).json
    assert len(job["input_references"][0]["pictures"]) == 2
    assert api.ended(job["id"])["status"] == "completed"
    assert json.loads(api.get(f"/v1/videos/{job['id']}").body)["size"] == "32x32"
