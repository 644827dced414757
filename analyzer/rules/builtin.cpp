// The catalogue inside the program.
#include "base/digest.h"
#include "rules/catalogue_state.h"

namespace dumptriage::rules {

Catalogue builtin_catalogue(const std::vector<RuleText>& texts) {
  Catalogue catalogue;
  catalogue.state().use(compiled_rules());
  catalogue.digest = std::string(compiled_rules().digest);
  if (texts.empty()) return catalogue;
  const std::string both = catalogue.digest + digest_of(texts);
  catalogue.digest = blake3_hex(ByteView(both.data(), both.size()));
  load_into(catalogue, texts);
  return catalogue;
}

} // namespace dumptriage::rules
