// Package tfevents writes event files, which TensorBoard reads.
//
// An event file is a sequence of records, each of which holds one protobuf message Event:
//
//	length of the message   uint64, little-endian
//	masked CRC-32C of the eight bytes before
//	the message
//	masked CRC-32C of the message
//
// The masked CRC of bytes with the CRC-32C c is ((c >> 15) | (c << 17)) + 0xa282ead8 in 32 bits,
// little-endian. https://www.tensorflow.org/tutorials/load_data/tfrecord describes the records. The messages,
// with the numbers of their fields, are those of event.proto, summary.proto and tensor.proto in
// tensorboard/compat/proto, of plugin_data.proto in tensorboard/plugins/hparams
// (https://github.com/tensorflow/tensorboard) and of google/protobuf/struct.proto.
package tfevents
