#include "lacuna/study/token_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/digest.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna {
namespace {

constexpr std::uint64_t kMaxTextBytes = std::uint64_t{4} << 30;  // a text is tokenized in memory

std::int64_t integer_at(const TensorView& view, const std::byte* row_major, std::int64_t i) {
  const auto read = [&]<typename T>(T value) {
    std::memcpy(&value, row_major + i * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    return static_cast<std::int64_t>(value);
  };
  switch (view.dtype) {
    case DType::i64: return read(std::int64_t{});
    case DType::i32: return read(std::int32_t{});
    case DType::i16: return read(std::int16_t{});
    case DType::u16: return read(std::uint16_t{});
    case DType::u32: return read(std::uint32_t{});
    default: return std::numeric_limits<std::int64_t>::min();
  }
}

TokenSource from_tensor(const TensorView& view, const std::filesystem::path& path) {
  constexpr DType kAccepted[] = {DType::i64, DType::i32, DType::i16, DType::u16, DType::u32};
  if (std::find(std::begin(kAccepted), std::end(kAccepted), view.dtype) == std::end(kAccepted)) {
    throw Error(ErrorCode::unsupported_dtype,
                fmt::format("token ids: expected i64, i32, i16, u32 or u16, got {}", dtype_name(view.dtype)))
        .at(path);
  }
  if (view.shape.empty() || view.shape.size() > 2) {
    throw Error(ErrorCode::shape_mismatch,
                fmt::format("token ids: expected rank 1 (stream) or 2 (sequences × tokens), got shape {}",
                            shape_text(view.shape)))
        .at(path);
  }
  AlignedBuffer<std::byte> row_major(view.bytes());
  copy_contiguous(view, row_major.data());
  TokenSource source;
  source.rows = view.shape.size() == 2 ? view.shape[0] : 1;
  source.cols = view.shape.back();
  source.ids.reserve(static_cast<std::size_t>(view.numel()));
  for (std::int64_t i = 0; i < view.numel(); ++i) {
    const auto id = integer_at(view, row_major.data(), i);
    source.ids.push_back(id < 0 || id > std::numeric_limits<std::int32_t>::max() ? -1 : static_cast<std::int32_t>(id));
  }
  return source;
}

bool holds_tensors(const std::filesystem::path& path) {
  const auto extension = path.extension().string();
  return extension == ".npy" || extension == ".npz" || extension == ".safetensors" || extension == ".pt" ||
         extension == ".pth";
}

TokenSource from_text(const std::filesystem::path& path, const Tokenizer* tokenizer) {
  if (tokenizer == nullptr) {
    throw Error(ErrorCode::missing_argument, "text needs the model's tokenizer, and the model has none").at(path);
  }
  TokenSource source;
  source.ids = tokenizer->encode(read_file(path, kMaxTextBytes));
  source.cols = static_cast<std::int64_t>(source.ids.size());
  return source;
}

}  // namespace

TokenSource read_token_source(const std::filesystem::path& path, const Tokenizer* tokenizer, std::int64_t vocab_size) {
  TokenSource source;
  if (holds_tensors(path)) {
    const auto archive = open_tensor_file(path);
    if (archive.tensors.size() != 1) {
      throw Error(ErrorCode::shape_mismatch,
                  fmt::format("token ids: expected one tensor in the file, got {}", archive.tensors.size()))
          .at(path);
    }
    source = from_tensor(archive.tensors[0].view, path);
    archive.check_intact();
  } else {
    source = from_text(path, tokenizer);
  }
  for (std::size_t i = 0; i < source.ids.size(); ++i) {
    if (source.ids[i] >= 0 && source.ids[i] < vocab_size) continue;
    throw Error(
        ErrorCode::bad_token,
        fmt::format("token {} at position {}: expected an id in [0, {})",
                    source.ids[i] < 0 ? std::string("out of range") : std::to_string(source.ids[i]), i, vocab_size))
        .at(path)
        .hint("were these tokens made with another model's tokenizer?");
  }
  source.digest = digest_tokens(source.ids);
  return source;
}

std::string digest_tokens(const std::vector<std::int32_t>& ids) {
  return sha256_hex(std::as_bytes(std::span(ids.data(), ids.size())));
}

}  // namespace lacuna
