import com.google.protobuf.Any;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import docket.ticketing.v1.CreateTicketRequest;
import docket.ticketing.v1.ListTicketsRequest;
import docket.ticketing.v1.ListTicketsResponse;
import docket.ticketing.v1.Priority;
import docket.ticketing.v1.Ticket;
import docket.ticketing.v1.TicketServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

public class Example {
  public static void main(String[] args) throws Exception {
    String address = System.getenv().getOrDefault("DOCKET_ADDRESS", "127.0.0.1:50051");
    String groupId = System.getenv("GROUP_ID");
    ManagedChannel channel = ManagedChannelBuilder.forTarget(address).usePlaintext().build();
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + System.getenv("DOCKET_TOKEN"));
    // The token with every call, and a deadline for all that follows.
    TicketServiceGrpc.TicketServiceBlockingStub tickets =
        TicketServiceGrpc.newBlockingStub(channel)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
            .withDeadlineAfter(30, TimeUnit.SECONDS);

    // Create.
    CreateTicketRequest intended =
        CreateTicketRequest.newBuilder()
            .setGroupId(groupId)
            .setUserId(4711)
            .setPriority(Priority.PRIORITY_HIGH)
            .setTitle("Cannot log in")
            .setRequestId(UUID.randomUUID().toString())
            .build();
    Ticket ticket = tickets.createTicket(intended).getTicket();
    System.out.println("created " + ticket.getKey() + " for " + (ticket.getAgentId().isEmpty() ? "nobody yet" : ticket.getAgentId()));
    for (long userId : new long[] {4712, 4713}) {
      tickets.createTicket(
          CreateTicketRequest.newBuilder().setGroupId(groupId).setUserId(userId).setRequestId(UUID.randomUUID().toString()).build());
    }

    // List page by page.
    int count = 0;
    String pageToken = "";
    do {
      ListTicketsResponse page =
          tickets.listTickets(ListTicketsRequest.newBuilder().setGroupId(groupId).setPageSize(2).setPageToken(pageToken).build());
      System.out.println("page: " + page.getTicketsList().stream().map(Ticket::getKey).collect(Collectors.joining(" ")));
      count += page.getTicketsCount();
      pageToken = page.getNextPageToken();
    } while (!pageToken.isEmpty());
    System.out.println(count + " tickets");

    // Fail.
    try {
      tickets.createTicket(
          CreateTicketRequest.newBuilder().setGroupId(groupId).setUserId(-1).setRequestId(UUID.randomUUID().toString()).build());
    } catch (StatusRuntimeException error) {
      String reason = "";
      String fault = "";
      for (Any detail : StatusProto.fromThrowable(error).getDetailsList()) {
        if (detail.is(ErrorInfo.class)) reason = detail.unpack(ErrorInfo.class).getReason();
        if (detail.is(BadRequest.class)) {
          BadRequest.FieldViolation violation = detail.unpack(BadRequest.class).getFieldViolations(0);
          fault = violation.getField() + " " + violation.getDescription();
        }
      }
      System.out.println("refused: " + reason + ", " + fault);
    }

    // Repeat: the same request under the same id is one change.
    Ticket again = tickets.createTicket(intended).getTicket();
    System.out.println("repeated: " + again.getKey() + " again");
    channel.shutdown().awaitTermination(5, TimeUnit.SECONDS);
  }
}
