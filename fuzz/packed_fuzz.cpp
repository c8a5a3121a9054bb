// Any bytes as a packed file: an Error, or matrices whose every row can be unpacked and multiplied. Digests are left
// out, so that the fuzzer gets past them; the structure alone must keep every read inside the file.
#include <cstdlib>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/safetensors.hpp"
#include "lacuna/kernels/packed_gemv/packed_gemv.hpp"
#include "lacuna/sparse/carried_tensors.hpp"
#include "lacuna/sparse/packed_reader.hpp"
#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lacuna::fuzz::MemoryFile file(data, size);
  try {
    const lacuna::TensorArchive archive = lacuna::read_safetensors(file.path());
    for (const auto& carried : lacuna::carried_tensors(archive)) lacuna::carried_digest(*carried.tensor);
    for (const auto& matrix : lacuna::read_packed(archive)) {
      std::vector<std::byte> dense(matrix->plan().dense_bytes());
      matrix->unpack(dense.data());
      const std::vector<float> x(static_cast<std::size_t>(matrix->plan().cols), 1.0F);
      std::vector<float> y(static_cast<std::size_t>(matrix->plan().rows));
      lacuna::kernels::packed_gemv(matrix->rows(), x.data(), y.data());
    }
  } catch (const lacuna::Error& error) {
    if (error.code() == lacuna::ErrorCode::internal || error.path().empty()) std::abort();
  }
  return 0;
}
