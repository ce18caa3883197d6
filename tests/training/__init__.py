"""Layers in other people's training programs; needs the packages of requirements.txt: `make test-training`."""
