"""The rehearsal on a laptop: the January 2018 incident played through on real parts, with made-up accounts."""
