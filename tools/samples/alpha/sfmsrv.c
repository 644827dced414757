/* "sfmsrv.sys" for Alpha: a file server for Macintosh of ours with the two mistakes that Q188315
 * and Q242896 describe. */
#include "nt.h"

typedef struct CLIENT {
  u64 attention[4];
  u32 signals;
} CLIENT;
typedef struct SESSION {
  CLIENT* client;
  u32 id, state;
} SESSION;
typedef struct {
  WORK_ITEM item;
  SESSION* session;
  u64 sent, unlocked;
} AFP_SERVER;
static AFP_SERVER AfpServer;

/* ---- Q188315: the client is dismounted while a message is sent to it ---- */
static NOINLINE void AfpSessionGone(SESSION* session) {
  ExFreePool(session->client);
  ExFreePool(session);
}
static NOINLINE u64 AfpQueueAttention(SESSION* session, u32 word) {
  CLIENT* client = session->client; /* of a session that is gone */
  u64 n = client->signals;
  client->attention[n & 3] = word;
  client->signals = (u32)n + 1;
  return n;
}
static NOINLINE u64 AfpSendServerMessage(SESSION* session, const char* text) {
  volatile char message[200];
  u64 length = 0;
  u32 irql = KeRaiseIrql(IRQL_DISPATCH);
  while (length < sizeof message - 1 && text[length]) {
    message[length] = text[length];
    length++;
  }
  message[length] = 0;
  if (length > 3) AfpSessionGone(session);
  u64 n = AfpQueueAttention(session, 0x2000 | (u32)message[0]);
  KeLowerIrql(irql);
  return n + length;
}
static NOINLINE void AfpMessageWorker(void* context) {
  AFP_SERVER* server = context;
  server->sent += AfpSendServerMessage(server->session, "The server goes down in 5 minutes");
}

/* ---- Q242896: a filter declines FastIoUnlockSingle ---- */
static NOINLINE u32 AfpUnlockCompletion(DEVICE_OBJECT* device, IRP* irp, void* context) {
  AFP_SERVER* server = context;
  server->unlocked += device != 0;
  IoFreeIrp(irp);
  return STATUS_MORE_PROCESSING_REQUIRED;
}
static NOINLINE u32 AfpIoUnlockByIrp(AFP_SERVER* server, u64 offset, u64 length) {
  IRP* irp = IoAllocateIrp();
  irp->information = offset + length;
  irp->completion = AfpUnlockCompletion;
  irp->context = server;
  u32 status = IoCallDriver(IoFilterDevice, irp);
  if (status == STATUS_SUCCESS) IoFreeIrp(irp); /* the completion routine has done so */
  return status;
}
static NOINLINE u32 AfpIoUnlock(AFP_SERVER* server, u64 offset, u64 length, u32 key) {
  DRIVER_OBJECT* driver = IoFilterDevice->driver;
  if (driver->fast_io_unlock_single(offset, length, key, IoFilterDevice)) return STATUS_SUCCESS;
  return AfpIoUnlockByIrp(server, offset, length) + (key & 0);
}
static NOINLINE void AfpByteRangeUnlock(void* context) {
  AFP_SERVER* server = context;
  u64 ranges[2] = {0x200, 0x1000};
  for (u32 i = 0; i < 2; i++)
    if (AfpIoUnlock(server, ranges[i], 0x80, server->session->id) != STATUS_SUCCESS) break;
  server->session->state++;
}

void DriverEntry(void) {
  AFP_SERVER* server = &AfpServer;
  server->session = ExAllocatePoolWithTag(0, sizeof(SESSION), 0x53704641); /* "AFpS" */
  server->session->client = ExAllocatePoolWithTag(0, sizeof(CLIENT), 0x43704641);
  server->session->id = 3;
  server->item.routine =
      KeLoaderBlock->scenario == SCENARIO_SESSION_GONE ? AfpMessageWorker : AfpByteRangeUnlock;
  server->item.context = server;
  ExQueueWorkItem(&server->item);
}
