// The pickle of a .pt file, in the opcodes that torch.save emits (protocol 2).
#include <fmt/format.h>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/pickle_opcodes.hpp"
#include "lacuna/formats/printable.hpp"
#include "lacuna/formats/pt_writer.hpp"
#include "lacuna/formats/utf8.hpp"

namespace lacuna {
namespace {

std::string_view storage_class(const TensorSpec& spec) {
  switch (spec.dtype) {
    case DType::f64: return "DoubleStorage";
    case DType::f32: return "FloatStorage";
    case DType::f16: return "HalfStorage";
    case DType::bf16: return "BFloat16Storage";
    case DType::i64: return "LongStorage";
    case DType::i32: return "IntStorage";
    case DType::i16: return "ShortStorage";
    case DType::i8: return "CharStorage";
    case DType::u8: return "ByteStorage";
    case DType::boolean: return "BoolStorage";
    default:
      throw Error(ErrorCode::unsupported_dtype,
                  fmt::format("tensor {} is {}; .pt files hold f64, f32, f16, bf16, i64, i32, i16, i8, u8 and bool",
                              printable(spec.name), dtype_name(spec.dtype)))
          .hint("safetensors holds every type");
  }
}

class PickleWriter {
 public:
  void opcode(PickleOpcode code) { out_ += static_cast<char>(code); }
  void raw(std::uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) out_ += static_cast<char>(value >> (8 * i));
  }
  void text(std::string_view value) {
    opcode(kBinUnicode);
    raw(value.size(), 4);
    out_ += value;
  }
  void global(std::string_view module, std::string_view name) {
    opcode(kGlobal);
    out_ += fmt::format("{}\n{}\n", module, name);
  }
  void integer(std::uint64_t value) {
    if (value <= 0xff) {
      opcode(kBinInt1);
      raw(value, 1);
    } else if (value <= 0xffff) {
      opcode(kBinInt2);
      raw(value, 2);
    } else if (value <= 0x7fffffff) {
      opcode(kBinInt);
      raw(value, 4);
    } else {
      opcode(kLong1);
      raw(8, 1);
      raw(value, 8);
    }
  }
  void integers(std::span<const std::int64_t> values) {
    opcode(kMark);
    for (const auto value : values) integer(static_cast<std::uint64_t>(value));
    opcode(kTuple);
  }
  void tensor(const TensorSpec& spec, std::size_t key);
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// _rebuild_tensor_v2(('storage', FloatStorage, key, 'cpu', numel) by persistent id, 0, size, stride, False,
//                    OrderedDict())
void PickleWriter::tensor(const TensorSpec& spec, std::size_t key) {
  global("torch._utils", "_rebuild_tensor_v2");
  opcode(kMark);
  opcode(kMark);
  text("storage");
  global("torch", storage_class(spec));
  text(std::to_string(key));
  text("cpu");
  integer(spec_bytes(spec) / dtype_bytes(spec.dtype));
  opcode(kTuple);
  opcode(kBinPersId);
  integer(0);
  integers(spec.shape);
  integers(contiguous_strides(spec.shape));
  opcode(kNewFalse);
  global("collections", "OrderedDict");
  opcode(kEmptyTuple);
  opcode(kReduce);
  opcode(kTuple);
  opcode(kReduce);
}

}  // namespace

std::string pt_pickle(PtRoot root, std::span<const TensorSpec> tensors) {
  PickleWriter out;
  out.opcode(kProto);
  out.raw(2, 1);
  if (root == PtRoot::tensor) {
    LACUNA_ASSERT(tensors.size() == 1);
    out.tensor(tensors[0], 0);
  } else {
    out.opcode(kEmptyDict);
    out.opcode(kMark);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (!is_utf8(tensors[i].name)) {
        throw Error(ErrorCode::invalid_argument,
                    fmt::format("the tensor name {} is not UTF-8", printable(tensors[i].name)));
      }
      out.text(tensors[i].name);
      out.tensor(tensors[i], i);
    }
    out.opcode(kSetItems);
  }
  out.opcode(kStop);
  return out.take();
}

}  // namespace lacuna
