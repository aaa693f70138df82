package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	ticketing "docket/ticketing/v1"
)

func main() {
	address := os.Getenv("DOCKET_ADDRESS")
	if address == "" {
		address = "127.0.0.1:50051"
	}
	groupID := os.Getenv("GROUP_ID")
	connection, err := grpc.Dial(address, grpc.WithInsecure())
	check(err)
	defer connection.Close()
	tickets := ticketing.NewTicketServiceClient(connection)

	// A deadline for all that follows, and the token for every call.
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+os.Getenv("DOCKET_TOKEN"))

	// Create.
	intended := &ticketing.CreateTicketRequest{
		GroupId:   groupID,
		UserId:    4711,
		Priority:  ticketing.Priority_PRIORITY_HIGH,
		Title:     "Cannot log in",
		RequestId: newRequestID(),
	}
	created, err := tickets.CreateTicket(ctx, intended)
	check(err)
	agent := created.Ticket.AgentId
	if agent == "" {
		agent = "nobody yet"
	}
	fmt.Printf("created %s for %s\n", created.Ticket.Key, agent)
	for _, userID := range []int64{4712, 4713} {
		_, err := tickets.CreateTicket(ctx, &ticketing.CreateTicketRequest{GroupId: groupID, UserId: userID, RequestId: newRequestID()})
		check(err)
	}

	// List page by page.
	count := 0
	request := &ticketing.ListTicketsRequest{GroupId: groupID, PageSize: 2}
	for {
		page, err := tickets.ListTickets(ctx, request)
		check(err)
		keys := []string{}
		for _, ticket := range page.Tickets {
			keys = append(keys, ticket.Key)
		}
		fmt.Println("page:", strings.Join(keys, " "))
		count += len(keys)
		if page.NextPageToken == "" {
			break
		}
		request.PageToken = page.NextPageToken
	}
	fmt.Printf("%d tickets\n", count)

	// Fail.
	_, err = tickets.CreateTicket(ctx, &ticketing.CreateTicketRequest{GroupId: groupID, UserId: -1, RequestId: newRequestID()})
	reason, fault := "", ""
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			reason = detail.Reason
		case *errdetails.BadRequest:
			fault = detail.FieldViolations[0].Field + " " + detail.FieldViolations[0].Description
		}
	}
	fmt.Printf("refused: %s, %s\n", reason, fault)

	// Repeat: the same request under the same id is one change.
	again, err := tickets.CreateTicket(ctx, intended)
	check(err)
	fmt.Printf("repeated: %s again\n", again.Ticket.Key)
}

// newRequestID makes a random UUID.
func newRequestID() string {
	id := make([]byte, 16)
	_, err := rand.Read(id)
	check(err)
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[0:4], id[4:6], id[6:8], id[8:10], id[10:])
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
