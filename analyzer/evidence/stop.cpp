#include <fmt/format.h>

#include "base/text.h"
#include "evidence/exceptions.h"
#include "evidence/parameters.h"
#include "evidence/places.h"
#include "formats/bugchecks.h"

namespace dumptriage::evidence {

namespace {

struct Sentence {
  std::uint32_t code;
  std::string_view text;
};

constexpr Sentence kSentences[] = {
#define STOP_SENTENCE(code, text) {code, text},
#include "evidence/stop_sentences.def"
#undef STOP_SENTENCE
};

std::string_view sentence_of(std::uint32_t code) {
  for (const Sentence& row : kSentences) {
    if (row.code == code) return row.text;
  }
  return {};
}

StopText describe_bugcheck(const Input& input) {
  const system::Stop& stop = input.snapshot.stop;
  StopText text;
  text.normalized = formats::normalized_bugcheck(stop.code);
  const formats::BugcheckInfo* info = formats::find_bugcheck(stop.code);
  if (info) text.name = info->name;
  const std::string code = hex(stop.code);
  if (auto sentence = sentence_of(text.normalized); !sentence.empty()) {
    text.summary =
        fmt::format("{} (STOP {}{}{}).", sentence, code, text.name.empty() ? "" : ", ", text.name);
  } else if (info) {
    text.summary = fmt::format("The system stopped with {} (STOP {}).", text.name, code);
  } else {
    text.summary =
        fmt::format("The system stopped with STOP {}, a code that no public source names.", code);
  }
  text.parameters = describe_bugcheck_parameters(input);
  return text;
}

std::string memory_fault_sentence(const Input& input, const dump::ExceptionRecord& record) {
  if (record.parameters.size() < 2) return "The program touched memory that it must not touch";
  const std::string_view access = access_of_exception(record.parameters[0]);
  const std::uint64_t address = native(input, record.parameters[1]);
  const std::string verb = access == "read"      ? "read from"
                           : access == "write"   ? "write to"
                           : access == "execute" ? "run code at"
                                                 : "touch";
  if (input.snapshot.machine == arch::Machine::x64 && address == UINT64_MAX)
    return "The program touched an address that the processor did not report";
  if (record.code == 0xC0000006)
    return fmt::format(
        "The program tried to {} {}, whose page could not be read from its file or the page file",
        verb, address_text(input, address));
  return fmt::format("The program tried to {} {}, where it must not", verb,
                     address_text(input, address));
}

std::string exception_sentence(const Input& input, const ExceptionText& known) {
  const system::Stop& stop = input.snapshot.stop;
  const Platform platform = platform_of(input.snapshot);
  const auto* record = stop.exception ? &*stop.exception : nullptr;
  if (platform == Platform::windows && record) {
    if (stop.code == 0xC0000005 || stop.code == 0xC0000006)
      return memory_fault_sentence(input, *record);
    if (stop.code == 0xC0000409 && !record->parameters.empty()) {
      if (auto meaning = fast_fail_meaning(record->parameters[0]); !meaning.empty())
        return fmt::format("The program ended itself at once: {}", meaning);
    }
  }
  if (is_requested_dump(platform, stop.code))
    return "The process asked for this dump itself; nothing crashed";
  if (!known.meaning.empty()) return fmt::format("The program stopped: {}", known.meaning);
  return "The program stopped with an exception that no public source names";
}

// Crashpad keeps the signal behind EXC_CRASH in bits 24-31 of the first code (xnu,
// exception_types.h); the exception's own code is then 0.
std::optional<std::uint32_t> signal_of_exc_crash(const system::Stop& stop) {
  if (!stop.exception || stop.code != 0 || stop.exception->parameters.size() < 2)
    return std::nullopt;
  if (stop.exception->parameters[0] != 10) return std::nullopt;
  return static_cast<std::uint32_t>(stop.exception->parameters[1] >> 24 & 0xFF);
}

StopText describe_user_exception(const Input& input) {
  const system::Stop& stop = input.snapshot.stop;
  const Platform platform = platform_of(input.snapshot);
  StopText text;
  text.normalized = stop.code;
  ExceptionText known = describe_exception_code(platform, stop.code);
  text.name = known.name;
  if (platform == Platform::macos) {
    if (auto signal = signal_of_exc_crash(stop)) {
      known = describe_exception_code(platform, 10);
      text.name = fmt::format("{} (signal {})", known.name, *signal);
    }
  }
  const std::string code = platform == Platform::linux_
                               ? fmt::format("signal {}", stop.code)
                               : fmt::format("exception {}", hex(stop.code, 8));
  text.summary = fmt::format("{} ({}{}{}).", exception_sentence(input, known), code,
                             text.name.empty() ? "" : ", ", text.name);
  text.parameters = describe_exception_parameters(input);
  return text;
}

} // namespace

StopText describe_stop(const Input& input) {
  switch (input.snapshot.stop.kind) {
  case system::StopKind::bugcheck: return describe_bugcheck(input);
  case system::StopKind::exception: return describe_user_exception(input);
  case system::StopKind::hang: {
    StopText text;
    text.summary = "Nothing crashed: the dump was taken of something that hung.";
    return text;
  }
  case system::StopKind::none: break;
  }
  StopText text;
  text.summary = input.snapshot.kernel
                     ? "The dump does not say why the system stopped."
                     : "The dump records no exception: it was taken of a running or hung process.";
  return text;
}

} // namespace dumptriage::evidence
