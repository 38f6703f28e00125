"""Account budgets of all processes: the logic of storage/inprocess/budget, over a state that lies in Redis.

account   an account as it is in Redis: who waits, which calls run, what was learned
state     the same as bytes
shared    one process's part: it applies acquires and settlements to the state, in short transactions
budgets   the port
"""
