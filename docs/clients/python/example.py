import os
import uuid

import grpc
from google.rpc import error_details_pb2, status_pb2
from ticketing.v1 import ticket_pb2, ticket_service_pb2 as messages, ticket_service_pb2_grpc

address = os.environ.get("DOCKET_ADDRESS", "127.0.0.1:50051")
group_id = os.environ["GROUP_ID"]
metadata = [("authorization", "Bearer " + os.environ["DOCKET_TOKEN"])]
channel = grpc.insecure_channel(address)
tickets = ticket_service_pb2_grpc.TicketServiceStub(channel)


def call(method, request):
    """One call, with a deadline of ten seconds."""
    return method(request, metadata=metadata, timeout=10)


def detail_of(error, kind):
    """The detail of this kind that a failure carries, or None."""
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            for packed in status_pb2.Status.FromString(value).details:
                if packed.Is(kind.DESCRIPTOR):
                    return kind.FromString(packed.value)
    return None


# Create.
intended = messages.CreateTicketRequest(
    group_id=group_id,
    user_id=4711,
    priority=ticket_pb2.PRIORITY_HIGH,
    title="Cannot log in",
    request_id=str(uuid.uuid4()),
)
ticket = call(tickets.CreateTicket, intended).ticket
print(f"created {ticket.key} for {ticket.agent_id or 'nobody yet'}")
for user_id in (4712, 4713):
    call(tickets.CreateTicket, messages.CreateTicketRequest(group_id=group_id, user_id=user_id, request_id=str(uuid.uuid4())))

# List page by page.
count = 0
request = messages.ListTicketsRequest(group_id=group_id, page_size=2)
while True:
    page = call(tickets.ListTickets, request)
    print("page:", " ".join(each.key for each in page.tickets))
    count += len(page.tickets)
    if not page.next_page_token:
        break
    request.page_token = page.next_page_token
print(f"{count} tickets")

# Fail.
try:
    call(tickets.CreateTicket, messages.CreateTicketRequest(group_id=group_id, user_id=-1, request_id=str(uuid.uuid4())))
except grpc.RpcError as error:
    info = detail_of(error, error_details_pb2.ErrorInfo)
    violation = detail_of(error, error_details_pb2.BadRequest).field_violations[0]
    print(f"refused: {info.reason}, {violation.field} {violation.description}")

# Repeat: the same request under the same id is one change.
again = call(tickets.CreateTicket, intended).ticket
print(f"repeated: {again.key} again")
channel.close()
