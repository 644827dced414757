#include "evidence/fault_words.h"

#include <fmt/format.h>

#include "base/text.h"
#include "evidence/address_class.h"
#include "evidence/exceptions.h"
#include "evidence/parameters.h"
#include "evidence/places.h"

namespace dumptriage::evidence {

namespace {

std::string subject_of(const Input& input, const FaultScene& scene) {
  const std::string place = describe_code(input, scene.ip);
  return place.empty() ? fmt::format("Code at {}, which lies in no known module,",
                                     address_text(input, scene.ip))
                       : place;
}

std::string_view verb_of(std::string_view access) {
  if (access == "read") return "read from";
  if (access == "write") return "wrote to";
  if (access == "execute") return "jumped to";
  return "touched";
}

std::string null_sentence(const Input& input, const FaultScene& scene, const Fault& fault) {
  if (fault.access == "execute" && fault.ip == *fault.address) {
    return *fault.address == 0
               ? "The code called through a null pointer: the instruction pointer is 0"
               : fmt::format(
                     "The code jumped to {}, near null: a function pointer was null or nearly so",
                     address_text(input, *fault.address));
  }
  if (*fault.address == 0)
    return fmt::format("{} {} a null pointer", subject_of(input, scene), verb_of(fault.access));
  return fmt::format("{} {} null + {}: most often a field of an object whose pointer is null",
                     subject_of(input, scene), verb_of(fault.access), offset_text(*fault.address));
}

// What the class adds to "X read from Y".
std::string tail_of(const Input& input, const Fault& fault) {
  const std::string_view kind = fault.address_class;
  if (kind.ends_with("-fill")) {
    const Fill* fill = find_fill(input.snapshot.machine, *fault.address);
    return fill ? fmt::format(": {}", fill->meaning) : "";
  }
  if (kind == "non-canonical") return ", which no x64 pointer can be: the pointer is damaged";
  if (kind == "guard page") return ", a guard page";
  if (kind == "stack exhausted") return ": the thread's stack is used up";
  if (kind == "unloaded module")
    return fmt::format(", which belonged to {}", describe_code(input, *fault.address));
  if (kind == "execute of non-code") {
    const std::string place = describe_code(input, *fault.address);
    return place.empty() ? ", which lies on the stack and holds no code"
                         : fmt::format(" ({}), which holds no code", place);
  }
  if (kind == "kernel address") return ", which belongs to the kernel";
  if (kind == "misaligned") return ", which is not aligned as this instruction needs it";
  if (kind == "wild") {
    const std::string text = text_in_address(input.snapshot.machine, *fault.address);
    return text.empty()
               ? ", which is no address of anything the dump knows"
               : fmt::format(
                     ", which reads as the text \"{}\": text most likely overwrote a pointer",
                     text);
  }
  return "";
}

std::string memory_sentence(const Input& input, const FaultScene& scene, const Fault& fault,
                            const FaultWords& words) {
  if (!fault.address) {
    if (fault.address_class == "stack exhausted")
      return subject_of(input, scene) + " found the thread's stack used up";
    if (words.unreported)
      return subject_of(input, scene) +
             " touched an address that the processor does not report and the registers do not show";
    return subject_of(input, scene) +
           " touched memory that it must not; which, the dump does not say";
  }
  if (fault.address_class == "null" || fault.address_class == "null+offset")
    return null_sentence(input, scene, fault);
  const std::string subject = fault.access == "execute" && fault.ip == *fault.address
                                  ? "The code"
                                  : subject_of(input, scene);
  return fmt::format("{} {} {}{}", subject, verb_of(fault.access),
                     address_text(input, *fault.address), tail_of(input, fault));
}

std::string other_sentence(const Input& input, const FaultScene& scene, const Fault& fault) {
  const std::string subject = subject_of(input, scene);
  const Platform platform = platform_of(input.snapshot);
  if (platform == Platform::windows) {
    switch (scene.code) {
    case 0x80000003: return subject + " stopped at a breakpoint";
    case 0xC0000094: return subject + " divided by zero";
    case 0xC0000095: return subject + " divided, and the result did not fit";
    case 0xC000001D: return subject + " ran an instruction that the CPU does not know";
    case 0xC0000096: return subject + " ran an instruction that only the kernel may run";
    case 0xC0000409: return subject + " ended the program at once (fast fail)";
    default: break;
    }
  }
  const ExceptionText text = describe_exception_code(platform, scene.code);
  if (!text.meaning.empty())
    return fmt::format("{} raised {}: {}", subject, text.name, text.meaning);
  if (scene.code == 0) return subject + " is where the stop was noticed";
  return fmt::format("{} raised {}", subject, hex(scene.code, 8));
}

std::string irql_words(const Input& input, const FaultScene& scene) {
  if (!scene.memory_fault || !scene.irql || *scene.irql < 2) return "";
  const std::string_view name = irql_name(input.snapshot.machine, *scene.irql);
  return fmt::format(", at IRQL {}{}{}{}, where nothing can be paged in", *scene.irql,
                     name.empty() ? "" : " (", name, name.empty() ? "" : ")");
}

} // namespace

std::string explain_fault(const Input& input, const FaultScene& scene, const Fault& fault,
                          const FaultWords& words) {
  std::string sentence = scene.memory_fault || words.misaligned
                             ? memory_sentence(input, scene, fault, words)
                             : other_sentence(input, scene, fault);
  sentence += irql_words(input, scene);
  if (words.contradiction)
    sentence +=
        "; the registers do not fit that address, so they or the report belong to another moment";
  sentence += '.';
  return sentence;
}

} // namespace dumptriage::evidence
