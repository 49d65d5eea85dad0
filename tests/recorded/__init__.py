"""What PyTorch says, written down, so that tests know it where PyTorch is not: `python -m tests.recorded`.

`questions.py` holds what both are asked, `asking.py` asks, `__main__.py` writes PyTorch's answers to answers.json, and
tests/test_recorded.py holds ours against them.
"""
