"""YLH calls us back: an HTTP form in, one event out, and "success" only once that event is durable.

connections   what a caller may take up of the process before it has sent a request
app           HTTP: method, content type, size, time; one answer, one log line, one count
receiving     the steps of one form, in the order in which they may tell something
form          bytes → parameters
signature     YLH's signature, and what tells one callback from another
admission     AppKey, signature, time window
reading       parameters → an event of the contract
taking        the event to the broker, else to the outbox
parking       what is rightly signed and yet refused: to the ledger, for a person
answers       YLH's form of an answer, with its HTTP status
limiting      how many refusals one address is worth a line and an explanation
"""
