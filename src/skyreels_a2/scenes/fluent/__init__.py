"""The fetched source: animated and still Fluent emoji before panoramas.

`packages` says what is fetched and under which licence, `fetch` gets it, `naming` finds names and
roles, `source` reads it. Nothing of it is shipped with this package.
"""
