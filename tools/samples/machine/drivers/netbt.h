/* netbt.h - what the two parts of netbt.sys share. */
#pragma once
#include "../nt/nt.h"

typedef struct {
  u32 length, at;
  const u8* data;
} INDICATION;
u32 NbtCopyToStartOfIndicate(INDICATION* in, u8* to, u32 room, u32 skip);
u32 NbtReceiveHandler(INDICATION* in, u32 a, u32 b, u32 c, u32 d, u32 e);
