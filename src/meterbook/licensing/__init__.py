"""
What may an instance do without us, and what does it owe?

Licences and usage reports are signed notes: readable text, one document each way. What
is decided about them is decided here, from bytes and moments that come in as arguments.
"""
