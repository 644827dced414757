#include "base/mapped_file.h"

#include <llvm/Support/FileSystem.h>
#include <llvm/Support/MemoryBuffer.h>

namespace dumptriage {

MappedFile::~MappedFile() = default;

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
  return file;
}

} // namespace dumptriage
