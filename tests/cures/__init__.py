"""Every cure that a message prints, executed from the text of the message."""
