"""Stored accounts at Haier: kept encrypted with their history, changed by people, taken up by the running service.

sealing     secrets in and out of what is stored
documents   a config as it is stored, shown, merged and compared
desk        what a person can do with accounts
archive     a backup's file; archiving takes one and puts it back
choosing    which account serves: the active stored one, else the environment's
switching   the client that follows the active account
"""
