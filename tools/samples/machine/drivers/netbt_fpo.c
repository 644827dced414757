/* netbt_fpo.c - the functions of netbt.sys that an x86 build compiles without frame pointers. */
#include "netbt.h"

static NOINLINE u32 NbtProcessMessage(INDICATION* in, const u8* header, u32 type) {
  volatile u8 local[192];
  ENTER();
  for (u32 i = 0; i < sizeof local; i++) local[i] = (u8)(i ^ type);
  u32 r = NbtCopyToStartOfIndicate(in, (u8*)local, sizeof local, header[1]) + local[type & 63];
  LEAVE();
  return r;
}
NOINLINE u32 NbtReceiveHandler(INDICATION* in, u32 a, u32 b, u32 c, u32 d, u32 e) {
  u8 header[4] = {(u8)a, (u8)b, (u8)c, (u8)d};
  ENTER();
  u32 r = NbtProcessMessage(in, header, e) + header[e & 3];
  LEAVE();
  return r;
}
