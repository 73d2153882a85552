"""Documents of an office: accounts, sharing, revisions, attachments, audit and retention."""
