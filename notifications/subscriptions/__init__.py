"""Readers who follow: asked twice, told each Update once, by the engine of notices and always after them.

`asking` is how somebody begins and ends it, `tokens` their links, `announcing` what makes an Update go out, `letters`
what the messages say (in the words of `words`), `sending` the queue's own lane, `hearing` what providers say later.
"""
