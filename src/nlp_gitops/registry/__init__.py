"""The registry: versions as git tags, a ledger branch of numbered events, archives by digest."""
