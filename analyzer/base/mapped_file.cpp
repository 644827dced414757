#include "base/mapped_file.h"

#include <llvm/Support/FileSystem.h>
#include <llvm/Support/MemoryBuffer.h>
#include <sys/mman.h>

namespace dumptriage {
namespace {

// From here on files are read a page here and a page there.
constexpr std::uint64_t kLarge = 64ull << 20;

void advise(const llvm::MemoryBuffer& buffer, int advice) {
  if (buffer.getBufferSize() <= kLarge) return;
  posix_madvise(const_cast<char*>(buffer.getBufferStart()), buffer.getBufferSize(), advice);
}

} // namespace

MappedFile::~MappedFile() = default;

void MappedFile::expect_all_to_be_read() const {
  if (buffer_) advise(*buffer_, POSIX_MADV_SEQUENTIAL);
}

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  llvm::sys::fs::file_status status;
  if (std::error_code e = llvm::sys::fs::status(path, status))
    return fail(Code::io, path, e.message());
  // Opening a pipe or terminal would wait for ever.
  if (status.type() != llvm::sys::fs::file_type::regular_file)
    return fail(Code::io, path,
                status.type() == llvm::sys::fs::file_type::directory_file
                    ? "is a folder"
                    : "is not a regular file");
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false, /*IsVolatile=*/false);
  if (!buffer) return fail(Code::io, path, buffer.getError().message());
  auto file = std::shared_ptr<MappedFile>(new MappedFile);
  file->path_ = path;
  file->buffer_ = std::move(*buffer);
  file->bytes_ = ByteView(file->buffer_->getBufferStart(), file->buffer_->getBufferSize());
  // Of a large dump what the system reads ahead around each page would be most of what is read.
  advise(*file->buffer_, POSIX_MADV_RANDOM);
  return file;
}

std::shared_ptr<const MappedFile> MappedFile::borrow(ByteView bytes, std::string name) {
  auto file = std::shared_ptr<MappedFile>(new MappedFile);
  file->path_ = std::move(name);
  file->bytes_ = bytes;
  return file;
}

Result<std::shared_ptr<const MappedFile>> MappedFile::adopt(TemporaryFile temporary,
                                                            Source source) {
  auto descriptor = temporary.finish();
  if (!descriptor) return std::unexpected(std::move(descriptor.error()));
  // The mapping outlives the descriptor.
  auto buffer = llvm::MemoryBuffer::getOpenFile(*descriptor, source.name, temporary.size(),
                                                /*RequiresNullTerminator=*/false);
  if (!buffer) return fail(Code::io, source.name, buffer.getError().message());
  auto file = std::shared_ptr<MappedFile>(new MappedFile);
  file->path_ = std::move(source.name);
  file->container_ = std::move(source.container);
  file->notes_ = std::move(source.notes);
  file->buffer_ = std::move(*buffer);
  file->bytes_ = ByteView(file->buffer_->getBufferStart(), file->buffer_->getBufferSize());
  advise(*file->buffer_, POSIX_MADV_RANDOM);
  return file;
}

} // namespace dumptriage
