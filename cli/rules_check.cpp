#include <fmt/format.h>

#include "cli/rules.h"
#include "report/paper.h"
#include "rules/examples.h"

namespace dumptriage::cli {
namespace {

using Paths = std::vector<std::string>;

// With paths, the rules there alone: two copies of a rule would be an error of their own.
Result<rules::Catalogue> rules_of(const Paths& paths) {
  return load_rules(paths, /*builtin=*/paths.empty());
}

std::string counted(std::size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// The examples beside the rules; those of the built-in ones lie in the source tree, not in the
// program.
Result<std::vector<rules::ExampleFile>> examples_of(const Paths& paths) {
  std::vector<rules::ExampleFile> files;
  for (const std::string& path : paths) {
    auto texts = rules::read_example_files(path);
    if (!texts) return std::unexpected(texts.error());
    for (const rules::RuleText& text : *texts) {
      if (!text.error) files.push_back(rules::load_examples(text.name, text.text));
      if (text.error) files.push_back({text.name, {}, {}, {*text.error}});
    }
  }
  return files;
}

int check(const Paths& paths) {
  auto catalogue = rules_of(paths);
  auto examples = examples_of(paths);
  if (!catalogue || !examples) {
    complain((catalogue ? examples.error() : catalogue.error()).message());
    return kWrongUsage;
  }
  std::vector<Error> errors = catalogue->errors;
  for (const rules::ExampleFile& file : *examples)
    errors.insert(errors.end(), file.errors.begin(), file.errors.end());
  std::vector<Error> lint = rules::lint(*catalogue, paths.empty() ? nullptr : &*examples);
  errors.insert(errors.end(), lint.begin(), lint.end());
  Output output;
  for (const Error& error : errors) output.write(report::flat(rule_error_text(error)) + "\n");
  output.write(
      fmt::format("{}, {}\n", counted(catalogue->size(), "rule"), counted(errors.size(), "error")));
  if (!output.finish()) return kSomeFailed;
  return errors.empty() ? kAllAnalysed : kSomeFailed;
}

int test(const Paths& paths) {
  auto catalogue = rules_of(paths);
  auto examples = examples_of(paths);
  if (!catalogue || !examples) {
    complain((catalogue ? examples.error() : catalogue.error()).message());
    return kWrongUsage;
  }
  Output output;
  std::size_t failed = 0, run = 0;
  for (const Error& error : catalogue->errors) {
    output.write(report::flat(rule_error_text(error)) + "\n");
    ++failed;
  }
  for (const rules::ExampleFile& file : *examples)
    for (const Error& error : file.errors) {
      output.write(report::flat(rule_error_text(error)) + "\n");
      ++failed;
    }
  for (const rules::ExampleResult& result : rules::run_examples(*catalogue, *examples)) {
    ++run;
    if (result.passed) continue;
    ++failed;
    output.write(report::flat(fmt::format("{}: rule {}, example '{}': expected {}, found {}: {}",
                                          result.file, result.rule, result.example,
                                          rules::name_of(result.expected),
                                          rules::name_of(result.got), result.why)) +
                 "\n");
  }
  output.write(fmt::format("{}, {}, {} failed\n", counted(catalogue->size(), "rule"),
                           counted(run, "example"), failed));
  if (!output.finish()) return kSomeFailed;
  return failed == 0 ? kAllAnalysed : kSomeFailed;
}

CLI::App* add(CLI::App& rules, const char* name, const char* about,
              const std::shared_ptr<Paths>& to) {
  CLI::App* command = rules.add_subcommand(name, about);
  command->add_option("PATH", *to, "Folders of rule files, or files")->type_name("");
  return command;
}

} // namespace

void add_rules_check(CLI::App& rules, Run& run) {
  auto paths = std::make_shared<Paths>();
  add(rules, "check",
      "Say what is wrong in the rule files of PATH and their examples (or in the built-in rules), "
      "by "
      "file, line and column; exit code 1 when anything is",
      paths)
      ->callback([paths, &run] { run = [paths] { return check(*paths); }; });
}

void add_rules_test(CLI::App& rules, Run& run) {
  auto paths = std::make_shared<Paths>();
  CLI::App* command =
      add(rules, "test",
          "Judge the examples (*.examples.yaml) beside the rule files of PATH; exit "
          "code 1 when a verdict is another one than expected",
          paths);
  command->get_option("PATH")->required();
  command->callback([paths, &run] { run = [paths] { return test(*paths); }; });
}

} // namespace dumptriage::cli
