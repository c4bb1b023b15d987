//! Encodes and decodes messages that are known only by their descriptor, directly in the buffers of gRPC.

use bytes::Buf;
use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use crate::json;

/// A codec that encodes any message and decodes messages of this type.
#[derive(Clone, Debug)]
pub(crate) struct Dynamic(pub(crate) MessageDescriptor);

/// A codec that encodes any message and writes messages of this type as JSON without building them.
#[derive(Clone, Debug)]
pub(crate) struct AsJson(pub(crate) MessageDescriptor);

/// The encoder. It needs no descriptor, because a message has its own.
#[derive(Debug)]
pub(crate) struct Encoding;

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Encoding;
    type Decoder = Self;

    fn encoder(&mut self) -> Encoding {
        Encoding
    }

    fn decoder(&mut self) -> Self {
        self.clone()
    }
}

impl Codec for AsJson {
    type Encode = DynamicMessage;
    type Decode = Vec<u8>;
    type Encoder = Encoding;
    type Decoder = Self;

    fn encoder(&mut self) -> Encoding {
        Encoding
    }

    fn decoder(&mut self) -> Self {
        self.clone()
    }
}

impl Decoder for AsJson {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        let text = json::of(&self.0, &bytes);
        text.map(Some).map_err(|fault| Status::internal(fault.to_string()))
    }
}

impl Encoder for Encoding {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(buffer).map_err(|fault| Status::internal(fault.to_string()))
    }
}

impl Decoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let message = DynamicMessage::decode(self.0.clone(), buffer);
        message.map(Some).map_err(|fault| Status::internal(fault.to_string()))
    }
}
