"""Two senders of one submitter and a stranger before a real gateway, and a model beside them."""
