#include "symbols/msf_file.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <llvm/DebugInfo/PDB/Native/PDBFile.h>
#include <llvm/Support/BinaryByteStream.h>

#include "base/llvm_error.h"
#include "formats/pdb7.h"

namespace dumptriage::symbols {
namespace {

using formats::MsfSuperBlock;

constexpr char kMagic[] = "Microsoft C/C++ MSF 7.00\r\n\x1a"
                          "DS\0\0"; // 32 with its own NUL
constexpr std::string_view kMagic2 = "Microsoft C/C++ program database 2.00";
static_assert(sizeof(kMagic) == sizeof(MsfSuperBlock::MagicBytes));
constexpr char kWhat[] = "PDB container";

std::unexpected<Error> bad(std::string why, std::uint64_t at) {
  return fail(Code::bad_value, kWhat, std::move(why), Where::file(at));
}

// Everything that LLVM takes on trust; gives the size of the file by its block count.
Result<std::uint64_t> check_super_block(ByteView bytes) {
  if (bytes.chars().starts_with(kMagic2))
    return fail(Code::unsupported, kWhat, "a PDB of version 2.00 is not read", Where::file(0));
  if (bytes.chars().starts_with("BSJB"))
    return fail(Code::unsupported, kWhat,
                "a portable PDB of .NET, which has names of managed code only", Where::file(0));
  auto super = bytes.get<MsfSuperBlock>(0);
  if (!super) return fail(Code::truncated, kWhat, "no superblock", Where::file(0));
  if (std::memcmp(super->MagicBytes, kMagic, sizeof kMagic) != 0)
    return fail(Code::bad_magic, kWhat, "not a PDB 7", Where::file(0));
  std::uint64_t block = super->BlockSize, blocks = super->NumBlocks;
  if (block < 512 || block > 32768 || (block & (block - 1)) != 0)
    return bad(fmt::format("block size {}", block), offsetof(MsfSuperBlock, BlockSize));
  std::uint64_t size = block * blocks;
  if (size > bytes.size())
    return fail(
        Code::truncated, kWhat,
        fmt::format("{} blocks of {} bytes do not fit in {} bytes", blocks, block, bytes.size()),
        Where::file(offsetof(MsfSuperBlock, NumBlocks)));
  std::uint64_t directory = (super->NumDirectoryBytes + block - 1) / block;
  if (directory == 0 || directory >= blocks || directory * 4 > block)
    return bad(
        fmt::format("directory of {} bytes", static_cast<std::uint32_t>(super->NumDirectoryBytes)),
        offsetof(MsfSuperBlock, NumDirectoryBytes));
  if (super->BlockMapAddr == 0 || super->BlockMapAddr >= blocks)
    return bad("the block map lies outside the file", offsetof(MsfSuperBlock, BlockMapAddr));
  std::uint64_t map = super->BlockMapAddr * block;
  for (std::uint64_t i = 0; i < directory; ++i) {
    auto index = bytes.u32(map + i * 4);
    if (!index || *index == 0 || *index >= blocks)
      return bad("a directory block lies outside the file", map + i * 4);
  }
  return size;
}

} // namespace

struct MsfFile::Llvm {
  llvm::BumpPtrAllocator allocator;
  std::unique_ptr<llvm::pdb::PDBFile> file;
  ByteView bytes;
};

MsfFile::MsfFile() : llvm_(std::make_unique<Llvm>()) {}
MsfFile::~MsfFile() = default;

Result<std::unique_ptr<MsfFile>> MsfFile::open(ByteView bytes) {
  auto size = check_super_block(bytes);
  if (!size) return std::unexpected(size.error());
  auto self = std::unique_ptr<MsfFile>(new MsfFile);
  llvm::ArrayRef<std::uint8_t> data(reinterpret_cast<const std::uint8_t*>(bytes.data()), *size);
  auto stream = std::make_unique<llvm::BinaryByteStream>(data, llvm::endianness::little);
  self->llvm_->bytes = bytes.clamp(0, *size);
  self->llvm_->file =
      std::make_unique<llvm::pdb::PDBFile>("", std::move(stream), self->llvm_->allocator);
  if (llvm::Error e = self->llvm_->file->parseFileHeaders())
    return fail_llvm(Code::bad_value, kWhat, std::move(e), Where::file(0));
  if (llvm::Error e = self->llvm_->file->parseStreamData())
    return fail_llvm(Code::bad_value, kWhat, std::move(e), Where::file(0));
  return self;
}

std::uint32_t MsfFile::stream_count() const { return llvm_->file->getNumStreams(); }

std::uint32_t MsfFile::stream_size(std::uint32_t stream) const {
  if (stream >= stream_count()) return 0;
  std::uint32_t size = llvm_->file->getStreamByteSize(stream); // 0xFFFFFFFF: deleted
  return size <= llvm_->file->getFileSize() ? size : 0;
}

std::size_t MsfFile::read(std::uint32_t stream, std::uint64_t offset, std::span<std::byte> out) {
  std::uint64_t size = stream_size(stream);
  if (offset >= size) return 0;
  out = out.first(std::min<std::uint64_t>(out.size(), size - offset));
  // LLVM's own stream looks for the longest piece at every read, which is the whole stream.
  const auto blocks = llvm_->file->getStreamBlockList(stream);
  const std::uint64_t block_size = llvm_->file->getBlockSize();
  std::size_t got = 0;
  while (got < out.size()) {
    const std::uint64_t index = (offset + got) / block_size, within = (offset + got) % block_size;
    if (index >= blocks.size()) break;
    const ByteView piece =
        llvm_->bytes.clamp(blocks[index] * block_size + within,
                           std::min<std::uint64_t>(block_size - within, out.size() - got));
    if (piece.empty()) break;
    std::memcpy(out.data() + got, piece.data(), piece.size());
    got += piece.size();
  }
  return got;
}

std::vector<std::byte> MsfFile::load(std::uint32_t stream, std::uint64_t offset,
                                     std::uint64_t length) {
  std::uint64_t size = stream_size(stream);
  if (offset >= size) return {};
  std::vector<std::byte> bytes(std::min(length, size - offset));
  bytes.resize(read(stream, offset, bytes));
  return bytes;
}

} // namespace dumptriage::symbols
