// The COFF symbol table of an image, and the header in front of one in a debug directory.  Source:
// "PE Format", COFF Symbol Table; IMAGE_COFF_SYMBOLS_HEADER of the public winnt.h.  Layouts only.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

// The string table, whose first 4 bytes are its size with them, follows the symbols.
struct ImageSymbol {
  /* 00 */ le32 Short; // 0: the name is at `Long` in the string table; else both are the name
  /* 04 */ le32 Long;
  /* 08 */ le32 Value;
  /* 0C */ le16 SectionNumber; // from 1; 0xFFFF absolute, 0xFFFE for the debugger
  /* 0E */ le16 Type;
  /* 10 */ le8 StorageClass;
  /* 11 */ le8 NumberOfAuxSymbols;
};
static_assert(sizeof(ImageSymbol) == 18);
static_assert(offsetof(ImageSymbol, SectionNumber) == 0x0C);
inline constexpr std::uint16_t kSymbolFunction = 0x20; // of Type
inline constexpr std::uint8_t kSymbolExternal = 2;     // of StorageClass
inline constexpr std::uint8_t kSymbolStatic = 3;
inline constexpr std::uint8_t kSymbolFunctionBegin = 101; // ".bf"
inline constexpr std::uint8_t kSymbolFile = 103;          // its name is in the auxiliary records

// The auxiliary record behind the symbol of a function.
struct ImageAuxFunction {
  /* 00 */ le32 TagIndex;
  /* 04 */ le32 TotalSize;
  /* 08 */ le32 PointerToLinenumber;
  /* 0C */ le32 PointerToNextFunction;
  /* 10 */ le16 Unused;
};
static_assert(sizeof(ImageAuxFunction) == 18);

// The auxiliary record behind the static symbol of an object file's section.
struct ImageAuxSection {
  /* 00 */ le32 Length;
  /* 04 */ le16 NumberOfRelocations;
  /* 06 */ le16 NumberOfLinenumbers;
  /* 08 */ le32 CheckSum;
  /* 0C */ le16 Number;
  /* 0E */ le8 Selection;
  /* 0F */ le8 Unused[3];
};
static_assert(sizeof(ImageAuxSection) == 18);

struct ImageLinenumber {
  /* 00 */ le32 VirtualAddress; // an rva; where Linenumber is 0 a symbol's number
  /* 04 */ le16 Linenumber;
};
static_assert(sizeof(ImageLinenumber) == 6);

struct ImageCoffSymbolsHeader {
  /* 00 */ le32 NumberOfSymbols;
  /* 04 */ le32 LvaToFirstSymbol; // from this header
  /* 08 */ le32 NumberOfLinenumbers;
  /* 0C */ le32 LvaToFirstLinenumber;
  /* 10 */ le32 RvaToFirstByteOfCode;
  /* 14 */ le32 RvaToLastByteOfCode;
  /* 18 */ le32 RvaToFirstByteOfData;
  /* 1C */ le32 RvaToLastByteOfData;
};
static_assert(sizeof(ImageCoffSymbolsHeader) == 0x20);

} // namespace dumptriage::formats
