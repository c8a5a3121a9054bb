// Any bytes as an .npy or .npz file: an Error, or arrays that can be read whole.
#include "lacuna/formats/npz.hpp"
#include "touch_views.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lacuna::ByteSource source(std::as_bytes(std::span(data, size)), "fuzz");
  try {
    const bool zip = source.starts_with("PK");
    lacuna::fuzz::touch_views(zip ? lacuna::read_npz(lacuna::ZipReader(source)) : lacuna::read_npy(source));
  } catch (const lacuna::Error& error) {
    lacuna::fuzz::require_proper(error, size);
  }
  return 0;
}
