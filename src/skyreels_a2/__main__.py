"""`python -m skyreels_a2` is `skyreels-a2`."""

from skyreels_a2.cli.main import main

main()
