"""What the fetched source is made of: packages, versions, checksums, licences and files kept."""

from __future__ import annotations

from skyreels_a2.packages import Package

_PICTURES = r"assets/(?!.*1f3f[b-f])(?!1f1e[6-9a-f]|1f1f)[0-9a-f_e-]+\.webp"
"""All pictures but skin tones and flags of countries."""

ANIMATED = tuple(
    Package(f"@lobehub/fluent-emoji-anim-{number}", "1.0.0", integrity, "MIT", _PICTURES)
    for number, integrity in enumerate(
        (
            "sha512-/4m31vAuZEQ4aUJ5pxcOU5PVkuJya55GRxUZL7+zgLlxZXpzzE8jPqpDyhZICE3n47nS/Y9M5/vLdizi8201QA==",
            "sha512-S6yzf0RZXrQbXdxCWuHA9BAoLdBRk2flX+ne4TPGEH/qApwisCAKHoAAGjKSlTY3OVeZ9b7t/NEbmpjawnQYJA==",
            "sha512-UzRSUDMjdfdt9vER5bhjHkPqgc3EEgfGtYs6ndvizOTvQOxYQ57ow2RTkWSDZxwW30X4EYBi2eWTS7CXDDoFsg==",
            "sha512-IIkl5ztSd1HrzvIDt/uGsFoC1WODXRdYq5uROrnkyqi9DbToEcJ1nlY86PnoUXeFS9nBCnHfiYk3ouSEGThFmA==",
        ),
        start=1,
    )
)

STILLS = Package(
    "@lobehub/fluent-emoji-3d",
    "1.1.0",
    "sha512-Wlq2lVStTnr8BDpIJ0pEnTKO4LuDxxqTEhTvRtD1DLRF0me7ogeRQjKoehDHXuVJ2Qaecgl5wRBv60lUAG3h7g==",
    "MIT",
    _PICTURES,
)

NAMES = Package(
    "unicode-emoji-json",
    "0.9.0",
    "sha512-HdrQW/7SdbXUsTd8uTATv7LvQJkCSgbAgRCDCtOhQ6xn3EAx+xZHQtRniOXWJK3ywIqPegkNhP4U4EbuFsiQng==",
    "MIT",
    r"data-by-emoji\.json|LICENSE",
)

KEYWORDS = Package(
    "emojilib",
    "4.0.3",
    "sha512-KbWiYre9aRSaPbHrHZIz9zmoM+21LAsK1VFJtnTh1VCtWE/rNMDviGhQTmselFl95dhqtGlY22iH0leG5BuW0g==",
    "MIT",
    r"dist/emoji-en-US\.json|LICENSE",
)

PANORAMAS = Package(
    "@pmndrs/assets",
    "1.7.0",
    "sha512-zHmKNS+3Jvu9K3zJBQfYQKT9Pn9IQt8s0q/eJC3CXKpWpyg6IBa+ivN9NgDn+fDT2AVjUh2YRZ//GXUueuAdCg==",
    "CC0-1.0",
    r"hdri/[a-z]+\.exr\.js|LICENSE",
)

PACKAGES = (NAMES, KEYWORDS, PANORAMAS, STILLS, *ANIMATED)
"""All that is fetched, the small ones first."""
