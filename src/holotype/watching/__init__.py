"""Watching: a folder that fills, a video or a camera, identified as the pictures come.

`holotype.watching.watch.watch` gives the events of `holotype.watching.events` one by one.
"""
