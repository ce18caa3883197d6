"""The first bytes of files of torch.save before torch 1.6, which are several pickles one after the other."""

TORCH_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""A pickled number that torch.save wrote first."""
