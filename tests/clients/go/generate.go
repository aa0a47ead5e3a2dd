// Package clients holds programs that test the broker from grpc-go: `old` is generated from the proto
// of the broker's predecessor, `new` from today's.
package clients

//go:generate protoc -I .. --go_out=. --go_opt=module=example.com/broker/clients,Mold.proto=example.com/broker/clients/oldpb --go-grpc_out=. --go-grpc_opt=module=example.com/broker/clients,Mold.proto=example.com/broker/clients/oldpb old.proto
//go:generate protoc -I ../../../crates/proto/proto --go_out=. --go_opt=module=example.com/broker/clients,Mbroker.proto=example.com/broker/clients/newpb,Mgoogle/rpc/status.proto=google.golang.org/genproto/googleapis/rpc/status --go-grpc_out=. --go-grpc_opt=module=example.com/broker/clients,Mbroker.proto=example.com/broker/clients/newpb,Mgoogle/rpc/status.proto=google.golang.org/genproto/googleapis/rpc/status broker.proto
