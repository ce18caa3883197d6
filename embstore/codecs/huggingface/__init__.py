"""Safetensors files and folders of Hugging Face's libraries: checkpoints and static models."""
