"""Safetensors as Hugging Face's libraries save them: checkpoints, and folders of static models."""
