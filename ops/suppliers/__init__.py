"""`relay supplier`: how the suppliers are, and what a person does about them."""
