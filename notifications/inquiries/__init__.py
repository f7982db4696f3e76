""" "Was I affected?", asked by anyone on a page and answered only by mail, with the truth for that mailbox.

`asking` is all a request does, `keys` hides the address meanwhile. `answering` is the worker's: `truth` looks the
address up, in the words of an approved set of texts (`texts`, first drafts in `words`). `later` minds those who want to
hear of a change, and forgets addresses. `sending` is the answers' own lane, `hearing` what providers say of them,
`counting` what staff and the evidence see.
"""
