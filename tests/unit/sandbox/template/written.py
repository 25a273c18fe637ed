"""A template with a function, a bucket and layers, as a test has it written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.sandbox.template.template import Template

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """
Parameters:
  Rate: {Type: Number, Default: 7}
  Needed: {Type: String}
Globals:
  Function:
    Runtime: python3.13
    Environment: {Variables: {EVERYWHERE: yes}}
Resources:
  LogBucket: {Type: AWS::S3::Bucket}
  Plain:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layers/plain}
  Built:
    Type: AWS::Serverless::LayerVersion
    Metadata: {BuildMethod: makefile}
    Properties: {ContentUri: .}
  One:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub "one-${Rate}"
      CodeUri: code
      Handler: app.handler
      Timeout: 30
      MemorySize: !Ref Rate
      Layers: [!Ref Plain]
      LoggingConfig: {LogFormat: JSON}
      Environment:
        Variables:
          BUCKET: !Ref LogBucket
          ARN: !GetAtt LogBucket.Arn
          LONG: {"Fn::GetAtt": [LogBucket, Arn]}
          SUB: !Sub ["${AWS::Region}/${Mine}/${!Literal}/${LogBucket.Arn}", {Mine: !Ref Rate}]
          SELF: !Sub "${AWS::AccountId}"
"""


def template(tmp_path: Path, text: str = TEXT, **parameters: str) -> Template:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    return Template(path, parameters)
