"""What comes from others: the locks, the notices and the bill of materials."""
