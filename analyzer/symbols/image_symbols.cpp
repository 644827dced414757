// The symbols that an image carries itself.
#include "symbols/sources.h"

namespace dumptriage::symbols {

std::shared_ptr<SymbolSource> image_symbols(const image::Image&) { return nullptr; }

} // namespace dumptriage::symbols
