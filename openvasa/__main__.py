"""`python -m openvasa` is the command `openvasa`."""

from openvasa.cli import program

if __name__ == "__main__":
    program()
