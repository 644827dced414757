#include "base/error.h"

#include <fmt/format.h>

namespace dumptriage {

std::string Where::to_string() const {
  switch (space) {
  case Space::none: return {};
  case Space::file: return fmt::format("file offset 0x{:X}", at);
  case Space::physical: return fmt::format("physical 0x{:X}", at);
  case Space::virtual_memory: return fmt::format("virtual 0x{:X}", at);
  case Space::rva: return fmt::format("rva 0x{:X}", at);
  case Space::text: return fmt::format("line {}, column {}", at, column);
  }
  return {};
}

std::string Error::message() const {
  std::string text = what;
  if (!why.empty()) text += (text.empty() ? "" : ": ") + why;
  if (where.space != Space::none) text += " (" + where.to_string() + ")";
  return text;
}

Note note_of(const Error& error, Severity severity) {
  std::string text = error.what;
  if (!error.why.empty()) text += (text.empty() ? "" : ": ") + error.why;
  return {severity, error.code, std::move(text), error.where};
}

void add_note(Notes& notes, Severity severity, Code code, std::string message, Where where) {
  notes.push_back({severity, code, std::move(message), where});
}

std::string_view name_of(Code code) {
  switch (code) {
  case Code::io: return "io";
  case Code::truncated: return "truncated";
  case Code::bad_magic: return "bad_magic";
  case Code::bad_value: return "bad_value";
  case Code::overflow: return "overflow";
  case Code::unsupported: return "unsupported";
  case Code::absent: return "absent";
  case Code::unmapped: return "unmapped";
  case Code::paged_out: return "paged_out";
  case Code::mismatch: return "mismatch";
  case Code::limit: return "limit";
  }
  return "bad_value";
}

std::string_view name_of(Space space) {
  switch (space) {
  case Space::none: return "";
  case Space::file: return "file";
  case Space::physical: return "physical";
  case Space::virtual_memory: return "virtual";
  case Space::rva: return "rva";
  case Space::text: return "text";
  }
  return "";
}

std::string_view name_of(Severity severity) {
  switch (severity) {
  case Severity::info: return "info";
  case Severity::warning: return "warning";
  case Severity::error: return "error";
  }
  return "warning";
}

} // namespace dumptriage
