/* "netbt.sys": a driver of ours with the one function name that KB961799 publishes.  It copies a
 * NetBIOS session message whose header promises more bytes than the received buffer holds, as the
 * article's malformed packets do; the copy runs into the page behind the buffer. */
#include "nt.h"

typedef struct {
  u8* received;
  u32 received_size;
  u32 indicated;
  u8* client;
  WORK_ITEM item;
} CONNECTION;
static CONNECTION* NbtConnection;
static volatile u32 NbtStatistics;

static NOINLINE u32 NbtCopyToStartOfIndicate(CONNECTION* connection, const u8* message,
                                             u32 length) {
  u32 n;
  for (n = 0; n < length; n++) connection->client[n & 0x3ff] = message[n]; /* believes the header */
  connection->indicated += n;
  return n;
}
/* RFC 1001/1002 session message: type, flags (bit 0 = length bit 16), length. */
static NOINLINE u32 NbtProcessSessionMessage(CONNECTION* connection, const u8* header,
                                             u32 available) {
  u32 length = (header[1] & 1u) << 16 | (u32)header[2] << 8 | header[3];
  volatile u8* trace = __builtin_alloca((available & 0x3f) + 0x20); /* needs a frame register */
  for (u32 i = 0; i < (available & 0x3f); i++) trace[i] = (u8)(header[i & 3] + i);
  if (header[0] != 0 || length == 0) return 0;
  return NbtCopyToStartOfIndicate(connection, header + 4, length) + trace[length & 0x1f];
}
static NOINLINE u32 NbtReceiveEvent(CONNECTION* connection, u32 flags, u32 indicated, u32 available,
                                    u8* tsdu) {
  volatile u8 scratch[160];
  u8 irql = KeRaiseIrqlToDpcLevel();
  for (u32 i = 0; i < sizeof scratch; i++) scratch[i] = (u8)(flags + i);
  u32 taken = 0;
  while (taken < indicated) {
    u32 n = NbtProcessSessionMessage(connection, tsdu + taken, available - taken);
    if (!n) break;
    taken += n + 4 + scratch[n & 127];
  }
  KeLowerIrql(irql);
  return taken;
}
static NOINLINE void NbtDelayedReceive(void* context) {
  CONNECTION* connection = context;
  u32 taken = NbtReceiveEvent(connection, 0x20, connection->received_size,
                              connection->received_size, connection->received);
  NbtStatistics += taken + connection->indicated;
}
__declspec(dllexport) long DriverEntry(void* driver, void* registry_path) {
  LOADER_BLOCK* loader = KeLoaderBlock;
  CONNECTION* c = ExAllocatePoolWithTag(0, sizeof *c, 0x3474624E); /* 'Nbt4' */
  c->client = ExAllocatePoolWithTag(0, 0x400, 0x3574624E);
  c->received = (u8*)loader->received;
  c->received_size = (u32)loader->received_size;
  c->item.routine = NbtDelayedReceive;
  c->item.parameter = c;
  NbtConnection = c;
  ExQueueWorkItem(&c->item, 1);
  return (long)(driver != registry_path);
}
