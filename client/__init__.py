"""Hand files in: the engine and the face of `titip push`, on tuspy.

Start reading at `push`; `sender` is one file's way through, `wire` is where tuspy is used.
"""
