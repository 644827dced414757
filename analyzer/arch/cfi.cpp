// One frame by call-frame rules of a symbol file, for x86, x64 and ARM64.
//
// ".cfa: $rsp 8 + .ra: .cfa 8 - ^ $rbx: .cfa 16 - ^": every register of the caller has a postfix
// expression over those of the callee and .cfa, the canonical frame address.  .cfa comes first; the
// caller's pc is .ra, and its sp is .cfa unless a rule says else.  A register without a rule is as
// it was when the ABI lets it survive calls, and is not known otherwise.  32- and 64-bit x86 write
// "$rip", ARM64 "x19"; x29 and x30 are also called fp and lr.
//
// Rules that come from DWARF hold at every instruction.  Those that a Windows image's unwind data
// were reduced to (CfiRules::body_only) leave out prologue, saved registers and frame registers, so
// nothing rests on them for sure and no other register is taken from them.
//
// Sources: docs/symbol_files.md of the Breakpad project; the calling conventions of Windows and of
// the System V ABIs, of whose surviving registers only those common to both are kept.
#include "arch/frame_data.h"
#include "arch/reading.h"

namespace dumptriage::arch {
namespace {

struct Convention {
  const Arch& arch;
  std::string_view prefix;   // of a register's name in a rule
  std::uint64_t survive = 0; // bit i: register i is the same behind a call
};

struct Rule {
  std::string_view name; // without the colon
  std::string_view expression;
};

std::vector<Rule> split(std::string_view text) {
  std::vector<Rule> rules;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    const std::size_t begin = std::min(word.size() + 1, text.size());
    if (word.size() > 1 && word.ends_with(':'))
      rules.push_back({word.substr(0, word.size() - 1), {}});
    else if (!rules.empty() && !word.empty()) {
      std::string_view& expression = rules.back().expression;
      const char* first = expression.empty() ? word.data() : expression.data();
      expression = {first, static_cast<std::size_t>(word.data() + word.size() - first)};
    }
    text.remove_prefix(begin);
  }
  return rules;
}

template <class Word> class Evaluation {
public:
  using Wire = std::conditional_t<sizeof(Word) == 8, le64, le32>;

  Evaluation(const UnwindInput& input, const Convention& convention)
      : input_(input), convention_(convention), reader_(input.memory) {
    for (std::size_t i = 0; i < convention.arch.register_names.size(); ++i)
      if (const auto value = input.registers.get(static_cast<int>(i)))
        for (const std::string& name : names_of(i)) variables_[name] = static_cast<Word>(*value);
  }

  UnwindResult run(const CfiRules& rules) {
    reader_.use(rules.origin);
    const std::vector<Rule> all = split(rules.rules);
    const auto cfa = find(all, ".cfa"), ra = find(all, ".ra");
    const auto frame = cfa ? value_of(*cfa) : std::nullopt;
    if (!frame) return failed(".cfa", rules);
    variables_["$.cfa"] = *frame;
    if (ra == ".undef") { // as Mozilla's dump_syms writes what DWARF calls undefined
      auto end = stop_here(Code::bad_value, "call-frame rules", "the outermost frame", rules.start);
      end.error().known_end = true;
      return end;
    }
    const auto pc = ra ? value_of(*ra) : std::nullopt;
    if (!pc) return failed(".ra", rules);
    Caller caller;
    const Arch& arch = convention_.arch;
    for (std::size_t i = 0; !rules.body_only && i < arch.register_names.size(); ++i)
      if (const auto value = value_in_caller(all, i))
        caller.registers.set(static_cast<int>(i), *value);
    caller.registers.set(arch.pc, *pc);
    if (rules.body_only || !find_register(all, arch.sp)) caller.registers.set(arch.sp, *frame);
    caller.trust = Trust::cfi;
    caller.origin = reader_.worst();
    caller.proved = !rules.body_only;
    if (!caller.proved)
      caller.unproved = "call-frame rules without the frame register and the prologue";
    return caller;
  }

private:
  // Words of an expression are looked up with "$" in front, which x86 and x64 have of themselves.
  std::vector<std::string> names_of(std::size_t index) const {
    std::vector<std::string> names{"$" + std::string(convention_.arch.register_names[index])};
    if (convention_.prefix.empty() && (index == 29 || index == 30))
      names.push_back("$x" + std::to_string(index));
    return names;
  }
  static const Rule* find_rule(const std::vector<Rule>& rules, std::string_view name) {
    for (const Rule& rule : rules)
      if (rule.name == name) return &rule;
    return nullptr;
  }
  static std::optional<std::string_view> find(const std::vector<Rule>& rules,
                                              std::string_view name) {
    const Rule* rule = find_rule(rules, name);
    return rule ? std::optional(rule->expression) : std::nullopt;
  }
  std::optional<std::string_view> find_register(const std::vector<Rule>& rules,
                                                std::size_t index) const {
    for (const std::string& name : names_of(index))
      if (auto found = find(rules, std::string_view(name).substr(convention_.prefix.empty())))
        return found;
    return std::nullopt;
  }
  std::optional<Word> value_in_caller(const std::vector<Rule>& rules, std::size_t index) {
    if (const auto expression = find_register(rules, index)) return value_of(*expression);
    const auto value = input_.registers.get(static_cast<int>(index));
    if (!value || (convention_.survive >> index & 1) == 0) return std::nullopt;
    return static_cast<Word>(*value);
  }

  std::optional<Word> value_of(std::string_view expression) {
    std::string program = "$$";
    for (std::string_view rest = expression; !rest.empty();) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
      if (word.empty()) continue;
      const char first = word[0];
      const bool name = first == '.' || (first >= 'a' && first <= 'z');
      program.append(name ? " $" : " ").append(word);
    }
    program += " =";
    const bool ran = run_frame_program(program, variables_, [this](Word at) -> std::optional<Word> {
      const auto value = reader_.template get<Wire>(at, "stack");
      return value ? std::optional<Word>(*value) : std::nullopt;
    });
    if (!ran) return std::nullopt;
    return variables_["$$"];
  }

  std::unexpected<UnwindFailure> failed(std::string_view rule, const CfiRules& rules) const {
    return method_failed(Code::absent, "call-frame rules",
                         "the rule for " + std::string(rule) + " gives nothing", rules.start);
  }

  const UnwindInput& input_;
  const Convention& convention_;
  Reader reader_;
  ProgramVariables<Word> variables_;
};

template <class Word> UnwindResult unwind(const UnwindInput& input, const Convention& convention) {
  const auto pc = input.registers.get(convention.arch.pc);
  if (!pc) return method_failed(Code::absent, "program counter", "not known", 0);
  const auto rules = input.functions.cfi(input.first || *pc == 0 ? *pc : *pc - 1);
  if (!rules) return method_failed(Code::absent, "call-frame rules", "none for this code", *pc);
  return Evaluation<Word>(input, convention).run(*rules);
}

constexpr std::uint64_t bits(std::initializer_list<int> registers) {
  std::uint64_t all = 0;
  for (int r : registers) all |= std::uint64_t{1} << r;
  return all;
}

} // namespace

UnwindResult unwind_x86_cfi(const UnwindInput& input) {
  return unwind<std::uint32_t>(input, {kX86, "$", bits({3, 5, 6, 7})}); // ebx, ebp, esi, edi
}

UnwindResult unwind_x64_cfi(const UnwindInput& input) { // rbx, rbp, r12 ... r15
  return unwind<std::uint64_t>(input, {kX64, "$", bits({3, 5, 12, 13, 14, 15})});
}

UnwindResult unwind_arm64_cfi(const UnwindInput& input) { // x19 ... x28, fp
  return unwind<std::uint64_t>(input,
                               {kArm64, "", bits({19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29})});
}

} // namespace dumptriage::arch
