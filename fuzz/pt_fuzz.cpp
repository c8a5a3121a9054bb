// Any bytes as a .pt file, zip or legacy: an Error, or tensors that can be read whole.
#include "lacuna/formats/pt_reader.hpp"
#include "touch_views.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    lacuna::fuzz::touch_views(lacuna::read_pt(lacuna::ByteSource(std::as_bytes(std::span(data, size)), "fuzz")));
  } catch (const lacuna::Error& error) {
    lacuna::fuzz::require_proper(error, size);
  }
  return 0;
}
